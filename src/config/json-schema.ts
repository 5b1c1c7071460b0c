import { toJsonSchema } from '@valibot/to-json-schema'
import * as v from 'valibot'
import { configSchema } from './schema.ts'

/**
 * The JSON Schema of a configuration file, for editors. It says of every key what it means and which values
 * it takes; what several keys must fulfil together is checked at start only.
 */
export function configJsonSchema(): object {
  const schema = toJsonSchema(configSchema, {
    typeMode: 'input',
    ignoreActions: ['check'],
    // The conversion of a value that is transformed stops before its description.
    overrideSchema: ({ valibotSchema, jsonSchema }) => {
      if (valibotSchema.type !== 'optional') return undefined
      const description = v.getDescription((valibotSchema as unknown as { wrapped: v.GenericSchema }).wrapped)
      return description === undefined ? undefined : { ...jsonSchema, description }
    },
  })
  return { ...schema, title: 'Configuration of the LLM Load Balancer' }
}
