import { createHash } from 'node:crypto'
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
    const key = /^Bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1]
    if (key === undefined)
      return denied('Send a client key: "Authorization: Bearer <key>" (api_key of the OpenAI SDKs).')
    const client = known.get(digest(key.trim()))
    return client === undefined ? denied('This client key is not known here.') : { ok: true, client }
  }
}

function denied(message: string): Identity {
  return { ok: false, refusal: { status: 401, code: 'invalid_api_key', message, retryAfterMs: null } }
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}
