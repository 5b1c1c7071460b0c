export * from '../http/relay.ts'
