import type { Refusal } from '../core/refusal.ts'
import { badRequest } from './errors.ts'

export type ReadBody = { ok: true; text: string; bytes: number } | { ok: false; refusal: Refusal }

/** Reads a request's body as text, at most `max` bytes of it, and never holds more than that. Never rejects. */
export async function readBody(request: Request, max: number): Promise<ReadBody> {
  const declared = request.headers.get('content-length')
  try {
    if (declared === null) return await readBounded(request, max)
    const bytes = Number(declared)
    if (bytes > max) return tooLarge(max)
    return { ok: true, text: await request.text(), bytes }
  } catch {
    const message = 'The request body broke off before its end.'
    return { ok: false, refusal: badRequest(message) }
  }
}

async function readBounded(request: Request, max: number): Promise<ReadBody> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  const reader = request.body?.getReader()
  for (;;) {
    const read = await reader?.read()
    if (read === undefined || read.done) break
    bytes += read.value.length
    if (bytes > max) {
      reader?.cancel().catch(() => {})
      return tooLarge(max)
    }
    chunks.push(read.value)
  }
  return { ok: true, text: new TextDecoder().decode(Buffer.concat(chunks)), bytes }
}

function tooLarge(max: number): ReadBody {
  const message = `The request body is larger than ${max} bytes, the bound set by general.max_body.`
  return { ok: false, refusal: badRequest(message, 'request_too_large', 413) }
}
