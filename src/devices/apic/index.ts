/** What src/devices/apic offers to other rooms. */
export type { LocalApic } from './local-apic.ts';
