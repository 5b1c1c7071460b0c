import type { Config } from '../config/config.ts'
import type { Journal } from '../log/journal.ts'
import { createExplainer, type Told } from '../replay/explainer.ts'
import { createAdminAuth, type RefuseAdmin } from './auth.ts'

/** What the operator of a serving process may ask of it. */
export interface Operator {
  readonly refuse: RefuseAdmin
  /** The life of a request, with all that was recorded until now. */
  explain(id: string): Promise<Told>
}

export function createOperator(
  { general, eventLog }: Config,
  env: NodeJS.ProcessEnv,
  journal: Pick<Journal, 'flush'>,
): Operator {
  const { explain } = createExplainer(eventLog.path)
  return {
    refuse: createAdminAuth(general.adminKeyName, env),
    explain(id) {
      journal.flush()
      return explain(id)
    },
  }
}
