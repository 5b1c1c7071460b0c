/** The parts of an OpenAI chat completion request that the balancer reads. Unknown fields pass through. */
export interface ChatBody {
  model: string
  messages: ChatMessage[]
  stream?: boolean | null
  stream_options?: {
    include_usage?: boolean | null
    [key: string]: unknown
  } | null
  max_tokens?: number | null
  max_completion_tokens?: number | null
  n?: number | null
  tools?: unknown[] | null
  response_format?: { type: string; [key: string]: unknown } | null
  [key: string]: unknown
}

export interface ChatMessage {
  role: string
  content?: string | ContentPart[] | null
  name?: string
  tool_calls?: ToolCall[] | null
  tool_call_id?: string
  [key: string]: unknown
}

export interface ContentPart {
  type: string
  text?: string
  image_url?: { url: string; detail?: string }
  input_audio?: { data: string; format: string }
  file?: { file_data?: string; file_id?: string; filename?: string }
  [key: string]: unknown
}

export interface ToolCall {
  id: string
  type: string
  function?: { name: string; arguments: string }
  extra_content?: { google?: { thought_signature?: string } }
  [key: string]: unknown
}
