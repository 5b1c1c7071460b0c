import type { Limit, Llm } from './model.ts'

/** Five sets of LLMs with unequal limits, prices and speeds. */

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

function requests(amount: number, perMs = MINUTE_MS): Limit {
  return { unit: 'requests', amount, perMs, kind: 'window' }
}

function tokens(amount: number, perMs = MINUTE_MS): Limit {
  return { unit: 'tokens', amount, perMs, kind: 'window' }
}

function concurrency(amount: number): Limit {
  return { unit: 'concurrency', amount, perMs: 0, kind: 'window' }
}

type Traits = Partial<Omit<Llm, 'name' | 'contextLength' | 'limits'>>

function llm(name: string, contextLength: number, limits: readonly Limit[], traits: Traits = {}): Llm {
  const usual = { inputUsd: 0, outputUsd: 0, quality: 0.5, firstByteMs: 500, tokensPerSecond: 100 }
  return { name, contextLength, limits, ...usual, ...traits }
}

const PAID_A = { inputUsd: 2.5, outputUsd: 10, quality: 0.9, firstByteMs: 600, tokensPerSecond: 80 }
const PAID_B = { inputUsd: 0.15, outputUsd: 0.6, quality: 0.6, firstByteMs: 400, tokensPerSecond: 150 }

const mixed: readonly Llm[] = [
  llm('small-free', 8_000, [requests(30), tokens(6_000)], { firstByteMs: 200, tokensPerSecond: 300 }),
  llm('mid-free', 32_000, [requests(20), tokens(100_000)], { quality: 0.6 }),
  llm('long-free', 1_000_000, [requests(10), tokens(250_000)], { quality: 0.7, firstByteMs: 800 }),
  llm('paid-a', 128_000, [requests(60), tokens(60_000)], PAID_A),
  llm('paid-b', 128_000, [requests(120), tokens(30_000)], PAID_B),
  llm('local', 16_000, [concurrency(2)], { quality: 0.3, firstByteMs: 300, tokensPerSecond: 40 }),
]

const free: readonly Llm[] = [
  llm('quick', 131_000, [requests(30), tokens(12_000), requests(14_400, DAY_MS)], {
    quality: 0.6,
    firstByteMs: 200,
    tokensPerSecond: 300,
  }),
  llm('long', 1_000_000, [requests(15), tokens(250_000), requests(1_000, DAY_MS)], {
    quality: 0.8,
    firstByteMs: 700,
  }),
  llm('shared', 32_000, [requests(20), tokens(40_000), requests(1_000, DAY_MS)]),
  llm('laptop', 16_000, [concurrency(1)], { quality: 0.2, tokensPerSecond: 30 }),
]

const keys: readonly Llm[] = Array.from({ length: 10 }, (_, i) =>
  llm(`key-${i + 1}`, 128_000, [requests(25), tokens(60_000)], PAID_B),
)

const giant: readonly Llm[] = [
  ...Array.from({ length: 4 }, (_, i) => llm(`tiny-${i + 1}`, 8_000, [requests(10), tokens(8_000)])),
  llm('giant', 200_000, [requests(240), tokens(400_000)], PAID_A),
]

const windows: readonly Llm[] = [
  llm('local', 32_000, [concurrency(4)], { quality: 0.3, firstByteMs: 300, tokensPerSecond: 50 }),
  llm('bursts', 64_000, [requests(10, 10_000), tokens(60_000)], { ...PAID_B, quality: 0.7 }),
  llm('daily', 1_000_000, [requests(30), tokens(300_000), requests(150, DAY_MS)], { quality: 0.8 }),
  llm('hourly', 128_000, [requests(60), tokens(1_500_000, 60 * MINUTE_MS)], PAID_A),
  llm('slow', 128_000, [requests(5), tokens(200_000)], {
    quality: 0.95,
    firstByteMs: 2_000,
    tokensPerSecond: 40,
  }),
]

export const FLEETS: Readonly<Record<string, readonly Llm[]>> = { mixed, free, keys, giant, windows }
