import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** The most memory that was ever resident, in KiB. What `getrusage` says may be that of the process it was forked from. */
function peakKib(): number {
  const status = '/proc/self/status'
  if (!existsSync(status)) return process.resourceUsage().maxRSS
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8'))![1])
}

// Preloaded into a measured process, which leaves it behind in a file.
process.on('exit', () => writeFileSync(process.env.LLB_PEAK_FILE!, String(peakKib())))
