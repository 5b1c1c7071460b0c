import type { Explanation } from '../replay/explain/explanation.ts'
import { badRequest, errorResponse } from './errors.ts'
import type { Gateway } from './gateway.ts'
import type { Peer } from './listen.ts'

/**
 * `GET /admin/requests/{id}`: the life of a request, as `llb explain --json` tells it. For the operator alone; nothing
 * is said of other origins, so that no page in a browser may read it.
 */
export async function explainRequest(
  { operator }: Gateway,
  request: Request,
  id: string,
  peer: Peer | undefined,
): Promise<Response> {
  const refusal = operator.refuse(request.headers, peer?.remoteAddress() ?? null)
  if (refusal !== null) return errorResponse(refusal, NOT_KEPT)
  const told = await operator.explain(id)
  if (!('missing' in told)) return answer(told)
  if (told.missing === 'unreadable')
    return errorResponse({ ...badRequest(told.message, 'log_unreadable', 503) }, NOT_KEPT)
  const code = told.missing === 'deleted' ? 'request_deleted' : 'request_not_found'
  return errorResponse(badRequest(told.message, code, 404), NOT_KEPT)
}

const NOT_KEPT = { 'cache-control': 'no-store' }

function answer(told: Explanation): Response {
  return Response.json(told, { headers: { ...NOT_KEPT, 'x-content-type-options': 'nosniff' } })
}
