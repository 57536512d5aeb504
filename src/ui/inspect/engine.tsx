/** The engine: how much of the guest's instructions compiled code ran, and the regions that ran most, with their JavaScript. */

import type { HotRegion } from '../../hypervisor/domain/index.ts';
import type { TierCounters } from '../../hypervisor/view/index.ts';
import { host } from '../host.ts';
import { hex8, whole } from '../units.ts';
import { inspector } from './frame.tsx';
import type { Shown, Target, Why } from './inspector.ts';

const words = {
  nothing: 'The guest has stopped.',
  share: 'Who ran its instructions',
  compiled: 'compiled code',
  interpreter: 'interpreter',
  regions: 'Regions that ran most',
  none: 'Nothing was hot enough yet to be compiled.',
  off: 'Guest code is interpreted: the compiler is off. Load the page with ?jit=8 to have hot code compiled.',
  refused: 'Nothing is compiled any more: it is not allowed here, or the compiler could not be loaded.',
  counts: 'Regions',
  live: 'live',
  made: 'compiled so far',
  evicted: 'made room',
  dropped: 'dropped: their code changed',
  givenUp: 'given up: they brought too little',
  text: 'JavaScript',
  records: 'records and tables',
  columns: ['Address', 'Instructions', 'Of all, %'],
  region: (at: string) => `Region at ${at}`,
  guest: 'Guest code',
  js: 'JavaScript',
};
const EVERY_MS = 2000;

interface Data {
  tier: TierCounters;
  retired: number;
  regions: HotRegion[];
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const percent = (part: number, whole: number): string => (whole > 0 ? ((100 * part) / whole).toFixed(1) : '0.0');

function open({ session, machine }: Target) {
  return {
    async look(): Promise<Data | undefined> {
      const domain = session && machine?.domain(session.id);
      if (!domain) return undefined;
      const regions = await host.inspect('engine', session.id);
      const { tier, retired } = domain.counters();
      return { tier, retired, regions };
    },
  };
}

const chosenOf = ({ data: { regions }, chosen }: Shown<Data>): HotRegion | undefined =>
  regions.find(({ linear }) => hex8(linear) === chosen) ?? regions[0];

function Figure(shown: Shown<Data>) {
  const {
      data: { tier, retired, regions },
      choose,
    } = shown,
    picked = chosenOf(shown);
  const most = Math.max(1, ...regions.map(region => region.retired));
  return (
    <div class="col eng">
      <section>
        <div class="ph">
          <h3>{words.share}</h3>
        </div>
        <div class="bar thick" role="img" aria-label={`${words.compiled} ${percent(tier.retired, retired)} %`}>
          <i class="c-hv" style={`width:${percent(tier.retired, retired)}%`} />
        </div>
        <p class="m sec">
          {words.compiled} {percent(tier.retired, retired)} %, {words.interpreter}{' '}
          {percent(retired - tier.retired, retired)} %
        </p>
        {tier.state !== 'on' && <p class="hint">{tier.state === 'none' ? words.off : words.refused}</p>}
      </section>
      <section>
        <div class="ph">
          <h3>{words.regions}</h3>
        </div>
        {regions.length === 0 ? (
          <p class="hint">{words.none}</p>
        ) : (
          <table class="pad picks">
            <thead>
              <tr>
                <th>{words.columns[0]}</th>
                <th class="num">{words.columns[1]}</th>
                <th />
                <th class="num">{words.columns[2]}</th>
              </tr>
            </thead>
            <tbody>
              {regions.map(region => {
                const key = hex8(region.linear);
                return (
                  <tr key={key} class={region === picked ? 'sel' : ''} onClick={() => choose(key)}>
                    <td class="m">
                      <button class="pickrow" aria-pressed={region === picked} onClick={() => choose(key)}>
                        {key}
                      </button>
                    </td>
                    <td class="m num">{whole(region.retired)}</td>
                    <td class="wbar">
                      <i class="hb" style={`width:${(100 * region.retired) / most}%`} />
                    </td>
                    <td class="m num">{percent(region.retired, retired)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        )}
      </section>
      {picked && (
        <section>
          <h3>{words.js}</h3>
          <pre class="code js" tabIndex={0}>
            {picked.javascript}
          </pre>
        </section>
      )}
    </div>
  );
}

function Detail(shown: Shown<Data>) {
  const { tier } = shown.data,
    picked = chosenOf(shown);
  return (
    <>
      <section>
        <h3>{words.counts}</h3>
        <dl class="kv">
          <dt>{words.live}</dt>
          <dd>{tier.regions}</dd>
          <dt>{words.made}</dt>
          <dd>{tier.compiled}</dd>
          <dt>{words.evicted}</dt>
          <dd>{tier.evicted}</dd>
          <dt>{words.dropped}</dt>
          <dd>{tier.dropped}</dd>
          <dt>{words.givenUp}</dt>
          <dd>{tier.givenUp}</dd>
          <dt>{words.text}</dt>
          <dd>{mib(tier.textBytes)}</dd>
          <dt>{words.records}</dt>
          <dd>{mib(tier.recordBytes)}</dd>
        </dl>
      </section>
      {picked && (
        <section>
          <h4>{words.region(hex8(picked.linear))}</h4>
          <pre class="code dis" tabIndex={0}>
            {picked.code.map(({ linear, text }) => (
              <span key={linear}>{`${hex8(linear)}  ${text}`}</span>
            ))}
          </pre>
        </section>
      )}
    </>
  );
}

function why(shown: Shown<Data>): Why {
  const picked = chosenOf(shown),
    { retired } = shown.data;
  return picked
    ? {
        question: 'Why is this region compiled?',
        answer: `It ran ${percent(picked.retired, retired)} % of all instructions. What is found running often is written as one JavaScript function, whose registers are local variables, so the browser’s own compiler makes machine code of it.`,
        source: 'docs/engine.md',
      }
    : {
        question: 'Why two tiers?',
        answer:
          'Writing and compiling a function costs more than interpreting code that runs once. Only what is found running again and again is worth it.',
        source: 'docs/engine.md',
      };
}

export const Engine = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.nothing,
  open,
  Figure,
  Detail,
  why,
  tables: ({ tier, retired, regions }) => [
    {
      name: words.regions,
      columns: [...words.columns, words.guest],
      rows: regions.map(region => [
        hex8(region.linear),
        region.retired,
        Number(percent(region.retired, retired)),
        region.code.map(({ text }) => text).join('; '),
      ]),
    },
    {
      name: words.counts,
      columns: ['What', 'Count'],
      rows: [
        [words.live, tier.regions],
        [words.made, tier.compiled],
        [words.evicted, tier.evicted],
        [words.dropped, tier.dropped],
        [words.givenUp, tier.givenUp],
      ],
    },
  ],
});
