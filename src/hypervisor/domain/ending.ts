/** How a domain stopped. */
export interface Ending {
  kind: 'poweroff' | 'reset' | 'crash' | 'suspend' | 'debug-exit';
  /** Value written to isa-debug-exit. */
  value?: number;
  /** For people. */
  sentence: string;
  /** Of a crash, and of a reset or power-off that a triple fault was the reason for: registers, last exits, code. */
  report?: string;
  /** It was not the guest: its worker ended with an error of ours, and does nothing more. */
  workerDied?: true;
}
