import { knownNames } from '../core/needs/names.ts'
import { badRequest, errorResponse } from './errors.ts'
import type { Gateway } from './gateway.ts'

interface ModelCard {
  readonly id: string
  readonly object: 'model'
  readonly created: number
  readonly owned_by: string
}

/** `GET /v1/models`: every name that a request's `model` may have; patterns are no names. */
export function listModels(gateway: Gateway, request: Request): Response {
  const identity = gateway.identify(request.headers)
  if (!identity.ok) return errorResponse(identity.refusal, {})
  return Response.json({ object: 'list', data: cardsOf(gateway) })
}

/** `GET /v1/models/{id}`; ids may contain slashes. */
export function getModel(gateway: Gateway, request: Request, id: string): Response {
  const identity = gateway.identify(request.headers)
  if (!identity.ok) return errorResponse(identity.refusal, {})
  const card = cardsOf(gateway).find((model) => model.id === id)
  if (card !== undefined) return Response.json(card)
  return errorResponse(
    badRequest(
      `The model "${id}" does not exist here; GET /v1/models lists the names.`,
      'model_not_found',
      404,
    ),
    {},
  )
}

function cardsOf({ config, startedAt }: Gateway): ModelCard[] {
  const names = knownNames(config.llms, config.models).filter((name) => !name.includes('*'))
  const all = new Set([...names, ...config.llms.map(({ model }) => model)])
  return [...all].map((id) => ({
    id,
    object: 'model',
    created: Math.floor(startedAt / 1000),
    owned_by:
      config.llms.find(({ group, model }) => group === id || model === id)?.apiType ?? 'llm-load-balancer',
  }))
}
