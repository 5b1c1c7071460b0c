import { createHash } from 'node:crypto'
import { isLoopback } from '../config/warnings.ts'
import type { Refusal } from '../core/refusal.ts'
import type { ClientSpec } from '../core/types.ts'

/** Who sends a request, or why nobody is known by that key. */
export type Identity = { ok: true; client: ClientSpec } | { ok: false; refusal: Refusal }

const ANYBODY: Identity = {
  ok: true,
  client: { name: 'anybody', keyName: '', weight: 1, priority: 'normal' },
}

/**
 * Makes the check of client keys. Keys are compared by their SHA-256, so that the time a comparison takes tells
 * nothing of a key. Without clients in the configuration everybody may come in.
 */
export function createAuth(
  clients: readonly ClientSpec[],
  env: NodeJS.ProcessEnv,
): (headers: Headers) => Identity {
  if (clients.length === 0) return () => ANYBODY
  const known = new Map<string, ClientSpec>()
  for (const client of clients) {
    const key = env[client.keyName]
    if (key) known.set(digest(key), client)
  }
  return (headers) => {
    const key = keyIn(headers)
    if (key === undefined)
      return denied('Send a client key: "Authorization: Bearer <key>" (api_key of the OpenAI SDKs).')
    const client = known.get(digest(key))
    return client === undefined ? denied('This client key is not known here.') : { ok: true, client }
  }
}

/** Why somebody is not let in as the operator; null when he is. */
export type RefuseAdmin = (headers: Headers, remoteAddress: string | null) => Refusal | null

/**
 * Makes the check of the operator: whoever sends the admin key, or comes over loopback itself. A page in a browser of
 * this machine comes over loopback too, but under the name of its own host; a proxy says for whom it asks.
 */
export function createAdminAuth(keyName: string | null, env: NodeJS.ProcessEnv): RefuseAdmin {
  const key = keyName === null ? undefined : env[keyName]
  const known = key ? digest(key) : null
  return (headers, remoteAddress) => {
    const sent = keyIn(headers)
    if (known !== null && sent !== undefined && digest(sent) === known) return null
    if (isLocal(headers, remoteAddress)) return null
    return known === null ? NO_ADMIN_KEY : WRONG_ADMIN_KEY
  }
}

const NO_ADMIN_KEY: Refusal = {
  status: 403,
  code: 'admin_only',
  message:
    'This is for the operator: ask from this machine itself, at a loopback address, or set general.admin_key_name.',
  retryAfterMs: null,
}

const WRONG_ADMIN_KEY: Refusal = {
  status: 401,
  code: 'invalid_api_key',
  message: 'This is for the operator: send the admin key, "Authorization: Bearer <key>".',
  retryAfterMs: null,
}

/** What a proxy adds to what it hands on. */
const HANDED_ON = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via']

function isLocal(headers: Headers, remoteAddress: string | null): boolean {
  if (remoteAddress === null || !isLoopback(remoteAddress.replace(/^::ffff:/i, ''))) return false
  if (HANDED_ON.some((name) => headers.has(name))) return false
  const host = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(headers.get('host') ?? '')
  return host !== null && isLoopback((host[1] ?? host[2]!).toLowerCase())
}

function keyIn(headers: Headers): string | undefined {
  return /^Bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1]?.trim()
}

function denied(message: string): Identity {
  return { ok: false, refusal: { status: 401, code: 'invalid_api_key', message, retryAfterMs: null } }
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}
