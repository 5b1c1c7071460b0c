/**
 * The words of which errors of providers are made. One of them tells nothing of a request, even where it stands in
 * it; any other word does.
 */
const WORDS = `
about above access account action active activate add additional adjust admin after again all allowed already also
and another answer any api app apply are argument arguments array attempt authentication authorization authorized
available average back backend bad balance base batch because been before being below between big bill billing body
both broke broken budget burst but bytes call calls can cannot capacity change char characters chat check chosen
client close closed code completion completions complete concurrency concurrent condition config configuration
configured connect connection contact contain contains content context could create created credential credentials
credit credits cuda current currently daily data date day days deadline decoding default degraded delay deleted
deployment deprecated details detected different disabled disconnect does doesn done down due during each either
empty enable enabled encountered end ended endpoint endpoints engine enough ensure entity error errors exceed
exceeded exceeds exhausted exist exists expected expired fail failed failure false fault few field file find first
following for forbidden form format found free from full function further gateway generate generated generation get
given global got gpu group had has have headers help here high higher host hour hours how however http https
identifier image images inactive incorrect increase index information inner input inputs inside instance insufficient
integer interface internal into invalid issue its job json key keys kind large larger last later latency least length
less level like likely limit limited limits list load loaded loading long longer low lower made make malformed many
match max maximum may media memory message messages method million min minimum minute minutes missing mode model
models moment month monthly more most moved much multiple must name need network never new next nobody none not
nothing now null number object occurred off offline old once one only open operation option options order
organization origin other our out output outputs over overload overloaded own page param parameter parameters parse
part payment peer pending per perform period permission permissions plan plans platform please policy pool port
possible previous price pricing problem process processed processing project prompt prompts property provide provided
provider providers purchase queue quota quotas raise range rate rates reach reached read ready reason received
recharge reduce refer refused region reject rejected release remaining remote remove renew reply request requested
requests require required requires reset resource resources respond response responses result results retries retry
retrying return returned role route run running same schema second seconds see send sent server servers service
services set setting settings shape should shut shutdown since size slow small some something soon spec spend
standard start started state status stop stopped stream string subscription such support supported switch system
task team temporarily temporary terminated text than that the their them then there these they this those thread
throttle throttled tier time timed timeout timeouts times too token tokens tool tools top total traffic trial true
try trying type types unable unauthorized unavailable under understand unexpected unhealthy unit unknown unless
unloaded unprocessable unreachable unrecognized unsupported until update upgrade upstream usage use used user users
using valid validate validation value values version very via view visit wait waiting was way week went were what
when where whether which while who whole why will with within without work worker would write wrong yet you your
tpm rpm tpd rpd itpm otpm
`

export const ORDINARY_WORDS: ReadonlySet<string> = new Set(WORDS.trim().split(/\s+/))
