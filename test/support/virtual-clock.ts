export { createVirtualClock, START, type VirtualClock } from '../../src/sim/clock.ts'
