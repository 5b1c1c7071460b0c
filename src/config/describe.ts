import type { ClientSpec, LlmSpec, ModelRule, Weights } from '../core/types.ts'
import type { Config } from './config.ts'
import { limitRows, limitsText } from './describe-limits.ts'
import { durationText } from './units.ts'
import { disabledBecause, type Environment, startWarnings } from './warnings.ts'

/** What would be served with this configuration and environment, for people to read. */
export function describeConfig(config: Config, env: Environment): string {
  const { general, queue, eventLog } = config
  const warnings = startWarnings(config, env)
  return [
    `listens on    ${addressText(general.listenAddress, general.listenPort)}`,
    `chooses by    ${weightsText(general.weights)}`,
    `queue         ${count(queue.maxRequests)} requests, ${durationText(queue.maxWaitMs)} at most`,
    `event log     ${eventLog.path}, kept for ${durationText(eventLog.retentionMs)}`,
    ...section('LLMs (nothing was contacted)', llmTable(config.llms, env)),
    ...section('limits, how they are counted, and when a call counts', columns(limitRows(config.llms))),
    ...section('switched off', config.switchedOff),
    ...section('models', config.models.map(ruleText)),
    ...section(
      'clients',
      config.clients.length > 0 ? clientLines(config.clients, env) : ['everybody, without a key'],
    ),
    ...section('warnings', warnings),
    '',
  ].join('\n')
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]
}

function llmTable(llms: readonly LlmSpec[], env: Environment): string[] {
  const head = ['name', 'api type', 'model', 'state', 'context', 'USD/M in', 'out', 'quality', 'limits']
  return columns([head, ...llms.map((llm) => llmRow(llm, env))])
}

function llmRow(llm: LlmSpec, env: Environment): string[] {
  const because = disabledBecause(llm, env)
  return [
    llm.name,
    llm.apiType,
    llm.model,
    because === null ? 'available' : `disabled: ${because}`,
    count(llm.contextLength),
    String(llm.inputPicoUsd / 1_000_000),
    String(llm.outputPicoUsd / 1_000_000),
    String(llm.quality / 1_000),
    limitsText(llm.limits),
  ]
}

function ruleText({ pattern, llms, weights, bounds }: ModelRule): string {
  const chosen = weights === null ? '' : `, chosen by ${weightsText(weights)}`
  return `${pattern} -> ${llms === null ? 'any LLM' : llms.join(', ')}${chosen}${boundsText(bounds)}`
}

function boundsText(bounds: ModelRule['bounds']): string {
  const { minQuality = null, maxCostNanoUsd = null } = bounds ?? {}
  const quality = minQuality === null ? '' : `, quality at least ${minQuality / 1_000}`
  return maxCostNanoUsd === null ? quality : `${quality}, at most ${maxCostNanoUsd / 1e9} USD a call`
}

function clientLines(clients: readonly ClientSpec[], env: Environment): string[] {
  return columns(
    clients.map(({ name, keyName, weight, priority }) => [
      name,
      `${keyName} is ${env[keyName] ? '' : 'not '}set`,
      `weight ${weight}`,
      `priority ${priority}`,
    ]),
  )
}

function weightsText({ cost, quality, speed }: Weights): string {
  return `cost ${cost}, quality ${quality}, speed ${speed}`
}

function addressText(address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address
  return port === 0 ? `http://${host}, any free port` : `http://${host}:${port}`
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}
