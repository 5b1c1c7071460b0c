/** The `seq` of the arrival of a request, in which its id ends; NaN for an id that none of ours is. */
export function arrivalOf(request: string): number {
  return Number.parseInt(request.slice(request.lastIndexOf('_') + 1), 36)
}
