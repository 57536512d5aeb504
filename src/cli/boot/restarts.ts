/** What is said of a guest that is started again: why, and as which domain, where a new one takes its place. */
export function restartSentence(name: string, why: string, domid?: number): string {
  return `${name} is started again${domid === undefined ? '' : ` as domain ${domid}`}: ${why}`;
}
