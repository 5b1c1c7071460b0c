/**
 * Sends requests through this runtime's transport and prints what became of each, as one JSON object. The argument is
 * a JSON object of name to request, with `abortAfterBytes` to abort in mid-answer and `cancel` to cancel the body.
 */
import { createTransport, networkFailure } from '../../src/upstream/transport.ts'

interface Probe {
  readonly url: string
  readonly headers?: Record<string, string>
  readonly abort?: 'before' | 'body'
  readonly cancel?: boolean
}

const send = await createTransport()
const outcomes: Record<string, unknown> = {}
for (const [name, probe] of Object.entries(JSON.parse(process.argv[2] ?? '{}') as Record<string, Probe>))
  outcomes[name] = await attempt(probe)
process.stdout.write(JSON.stringify(outcomes))
process.exit(0)

async function attempt({ url, headers = {}, abort, cancel }: Probe): Promise<unknown> {
  const controller = new AbortController()
  if (abort === 'before') controller.abort()
  try {
    const response = await send({ url, headers, body: '{"a":"é"}' }, controller.signal)
    const reader = response.body?.getReader()
    let text = ''
    const decoder = new TextDecoder()
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      text += decoder.decode(read.value, { stream: true })
      if (cancel) await reader?.cancel()
      else if (abort) controller.abort()
    }
    return { status: response.status, location: response.headers.get('location'), text }
  } catch (error) {
    return controller.signal.aborted ? 'aborted' : networkFailure(error)
  }
}
