import { writeFileSync } from 'node:fs'

// Preloaded into a measured process: leaves behind the most memory that was ever resident, in KiB.
process.on('exit', () => writeFileSync(process.env.LLB_PEAK_FILE!, String(process.resourceUsage().maxRSS)))
