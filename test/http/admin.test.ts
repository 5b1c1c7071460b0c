import { afterEach, describe, expect, test } from 'vitest'
import type { Explanation } from '../../src/replay/explain/explanation.ts'
import { type Served, serving } from '../support/gateway.ts'

let served: Served
afterEach(() => served.close())

const KEY = 'the-key-of-the-operator'
const WITH_KEY = 'general: { admin_key_name: ADMIN_KEY }'
const env = { ADMIN_KEY: KEY }

/** Asks for the life of a request as somebody at this address, under this name of the host. */
async function ask(
  { id = 'req_test_3', address = '127.0.0.1', host = '127.0.0.1:8080' }: Record<string, string | undefined>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const request = new Request(`http://llb/admin/requests/${id}`, { headers: { host, ...headers } })
  return served.send(request, { remoteAddress: () => address })
}

const codeOf = async (response: Response) =>
  `${response.status} ${((await response.json()) as { error: { code: string } }).error.code}`

describe('without an admin key', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1:8080'],
    ['127.0.0.1', 'localhost:8080'],
    ['127.8.8.8', 'LOCALHOST'],
    ['::1', '[::1]:8080'],
    ['::ffff:127.0.0.1', 'localhost'],
  ])('%s is let in under the name %s', async (address, host) => {
    served = await serving()
    expect(await codeOf(await ask({ address, host }))).toBe('404 request_not_found')
  })

  test.each([
    ['10.0.0.7', 'localhost:8080', {}],
    ['::ffff:10.0.0.7', 'localhost:8080', {}],
    ['127.0.0.1', 'attacker.example', {}],
    ['127.0.0.1', '127.0.0.1.attacker.example:8080', {}],
    ['127.0.0.1', 'localhost', { 'x-forwarded-for': '10.0.0.7' }],
    ['127.0.0.1', 'localhost', { forwarded: 'for=10.0.0.7' }],
    ['127.0.0.1', 'localhost', { via: '1.1 proxy' }],
    ['10.0.0.7', 'localhost', { authorization: `Bearer ${KEY}` }],
  ])('%s under the name %s with %j is kept out', async (address, host, headers) => {
    served = await serving('', env)
    expect(await codeOf(await ask({ address, host }, headers))).toBe('403 admin_only')
  })

  test('nobody is let in whose address is not known', async () => {
    served = await serving()
    const response = await served.get('/admin/requests/req_test_3', { host: 'localhost' })
    expect(await codeOf(response)).toBe('403 admin_only')
  })
})

describe('with an admin key', () => {
  test('whoever sends it is let in, from anywhere', async () => {
    served = await serving(WITH_KEY, env)
    const response = await ask(
      { address: '10.0.0.7', host: 'llb.example' },
      { authorization: `Bearer ${KEY}` },
    )
    expect(await codeOf(response)).toBe('404 request_not_found')
  })

  test.each<Record<string, string>>([{}, { authorization: 'Bearer wrong' }, { authorization: KEY }])(
    '%j from elsewhere is not enough',
    async (headers) => {
      served = await serving(WITH_KEY, env)
      expect(await codeOf(await ask({ address: '10.0.0.7' }, headers))).toBe('401 invalid_api_key')
    },
  )

  test('the key of a client is not that of the operator', async () => {
    served = await serving(`${WITH_KEY}\nclients: [{ name: dev, api_key_name: DEV }]`, { ...env, DEV: 'dev' })
    const response = await ask({ address: '10.0.0.7' }, { authorization: 'Bearer dev' })
    expect(await codeOf(response)).toBe('401 invalid_api_key')
  })

  test('one that is not in the environment lets nobody in by an empty key', async () => {
    served = await serving(WITH_KEY, { ADMIN_KEY: '' })
    const response = await ask({ address: '10.0.0.7' }, { authorization: 'Bearer ' })
    expect(await codeOf(response)).toBe('403 admin_only')
  })
})

test('no page of another origin may read what is told, and nobody keeps it', async () => {
  served = await serving()
  const { headers } = await ask({}, { origin: 'http://attacker.example' })
  expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  expect(headers.get('cache-control')).toBe('no-store')
})

test('the life of a request is told as JSON', async () => {
  served = await serving()
  served.begin()
  const asked = { model: 'auto', messages: [{ role: 'user', content: 'hello' }] }
  const answer = await served.post('/v1/chat/completions', asked)
  const response = await ask({ id: answer.headers.get('x-request-id')! })
  expect(response.status).toBe(200)
  expect((await response.json()) as Explanation).toMatchObject({
    fate: 'completed',
    attempts: [{ llm: 'Sim', outcome: 'finished', status: 200 }],
  })
})

test('anything else under it is not found', async () => {
  served = await serving()
  expect((await served.get('/admin/requests', { host: 'localhost' })).status).toBe(404)
})
