/** A non-maskable interrupt for a vCPU. */
import { verb } from './verb.ts';

export const nmi = verb({ apply: ({ domain }, vcpu: number) => domain.vcpus.nmi(vcpu) });
