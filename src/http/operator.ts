import type { Config } from '../config/config.ts'
import { createExplainer, type Told } from '../replay/explain/explainer.ts'
import { createAdminAuth, type RefuseAdmin } from './auth.ts'

/** What the operator of a serving process may ask of it. */
export interface Operator {
  readonly refuse: RefuseAdmin
  /** The life of a request, with all that was recorded until now as far as the disk takes it. */
  explain(id: string): Promise<Told>
}

export function createOperator(
  { general, eventLog }: Config,
  env: NodeJS.ProcessEnv,
  journal: { flush(): void | Promise<void> },
): Operator {
  const { explain } = createExplainer(eventLog.path)
  return {
    refuse: createAdminAuth(general.adminKeyName, env),
    async explain(id) {
      await journal.flush()
      return explain(id)
    },
  }
}
