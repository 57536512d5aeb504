/** What the page may ask of this host's pool. Loaded when somebody opens its panel. */
import { lookAt, membershipOf, type Mode, type PoolHost, type PoolLook, type Role } from '../pool/index.ts';

/** By name, as the page calls them. */
export interface PoolCalls {
  /** Undefined: this host is in none. */
  look(): PoolLook | undefined;
  /** `address`, `name`: as `pool join` has them. @throws Error with a sentence */
  join(address: string, name?: string, role?: Role): Promise<void>;
  /** Whether guests may come from other hosts. @throws Error with a sentence */
  receive(receives: boolean): void;
  /** @throws Error with a sentence */
  leave(): Promise<void>;
  /** How this host wants to be balanced. @throws Error with a sentence */
  balance(mode: Mode, automatic: boolean): void;
  /** This host gives leases from now on. @throws Error with a sentence */
  emergency(): void;
}

export function poolOf(host: PoolHost): PoolCalls {
  const membership = membershipOf(host);
  return {
    look: () => membership.joined && lookAt(host, membership.joined),
    // The code is for those who are to join, and for no log.
    join: (address, name, role) =>
      host.tasks.run(`pool join ${[address.replace(/#.*/, '#…'), name ?? ''].join(' ').trim()}`, async () => {
        await membership.join(address, { name, ...(role ? { role } : {}) });
      }),
    leave: () => membership.leave(),
    receive: receives => membership.here.pool.setReceives(receives),
    balance: (mode, automatic) => membership.here.state.setWish({ mode, automatic }),
    emergency: () => membership.emergency(),
  };
}
