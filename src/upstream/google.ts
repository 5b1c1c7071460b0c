import type { Adapter } from './adapter.ts'
import { answerGoogle, readGoogle } from './google-answer.ts'
import { classifyGoogle } from './google-failure.ts'
import { prepareGoogle } from './google-request.ts'
import { dataTexts, lastEvent } from './sse.ts'
import { openTranslatedStream, type StreamFormat } from './translated-stream.ts'

const FORMAT: StreamFormat = { lastBoundary: lastEvent, texts: dataTexts, read: readGoogle }

/** Google's native REST API, which is more exact than its OpenAI one: it names quotas and counts thoughts. */
export const google: Adapter = {
  prepare: prepareGoogle,
  answer: answerGoogle,
  openStream: (call) => openTranslatedStream(call, FORMAT),
  classify: classifyGoogle,
  limits: () => [],
}
