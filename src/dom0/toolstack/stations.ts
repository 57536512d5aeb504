/** Which domain has which station address: each card has one of its own, as long as its domain has not stopped. */
import type { Hypervisor } from './hypervisors/hypervisor.ts';
import { ofXen } from './hypervisors/of-xen.ts';
import type { Blueprint, Member } from './running-domain.ts';
import { StationAddresses } from './station-addresses.ts';

/** The addresses of a domain's cards. */
const stationsOf = ({ definition: { cards } }: Blueprint): string[] =>
  cards.flatMap(({ mac }) => (mac === undefined ? [] : [mac]));

export class Stations {
  private readonly addresses: StationAddresses;
  private readonly members: () => Iterable<Member>;
  private readonly hypervisor: () => Pick<Hypervisor, 'stations'>;

  /** The same seed draws the same addresses. */
  constructor(
    seed: number,
    members: () => Iterable<Member>,
    hypervisor: () => Pick<Hypervisor, 'stations'> = () => ofXen,
  ) {
    this.hypervisor = hypervisor;
    this.addresses = new StationAddresses(seed);
    this.members = members;
  }

  /** Why a card cannot have this station address when `gone` are no more; undefined: it can. Domains that have stopped send nothing. */
  problem(mac: string | undefined, gone: readonly Member[] = []): string | undefined {
    const other = [...this.members()].find(
      member => mac && !member.ending && !gone.includes(member) && stationsOf(member.blueprint).includes(mac),
    );
    return other && `${other.name} has the station address ${mac} already.`;
  }

  /** Why a domain cannot have the addresses of its cards when `gone` are no more; undefined: it can. */
  problemOf(blueprint: Blueprint, gone: readonly Member[]): string | undefined {
    const others = [...this.members()].filter(member => !gone.includes(member) && !member.ending);
    for (const mac of stationsOf(blueprint)) {
      const other = others.find(member => stationsOf(member.blueprint).includes(mac));
      if (other) return `${other.name} has the station address ${mac} already. Destroy it first.`;
    }
    return undefined;
  }

  private get taken(): Set<string> {
    return new Set([...this.members()].flatMap(member => stationsOf(member.blueprint)));
  }

  /** A station address that no domain has; `others`: and that none of these is. */
  draw(others: ReadonlySet<string> = new Set()): string {
    const { taken } = this;
    return this.addresses.draw({ has: mac => taken.has(mac) || others.has(mac) }, this.hypervisor().stations);
  }

  /** The blueprint with an address for each of its cards. @throws Error where another domain has one that is asked for */
  addressed(blueprint: Blueprint): Blueprint {
    const { definition } = blueprint;
    const { taken } = this;
    const address = (given: string | undefined): string => {
      const problem = this.problem(given);
      if (problem) throw new Error(`${problem} Destroy it first.`);
      const mac = given ?? this.addresses.draw(taken, this.hypervisor().stations);
      taken.add(mac);
      return mac;
    };
    const cards = definition.cards.map(card => ({ ...card, mac: address(card.mac) }));
    return { ...blueprint, definition: { ...definition, cards } };
  }
}
