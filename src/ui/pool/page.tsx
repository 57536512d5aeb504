/** The pool's panel: who is there and how busy, whose each guest is, links, the balancer, what was done; or how to join one. */
import { qrCode } from '../lessons/parts.ts';
import './pool.css';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { PoolLook } from '../../dom0/service/index.ts';
import { copyToClipboard } from '../clipboard.ts';
import { host } from '../host.ts';
import { later } from '../parts/load-when-shown.tsx';
import { Problem, Tag } from '../parts/marks.tsx';
import { strings } from '../strings.ts';
import { bytes } from '../terminal.ts';
import { startedAt } from '../units.ts';
import { Hosts } from './hosts.tsx';
import { Join } from './join.tsx';
import { MoveDialog } from './move-dialog.tsx';
import { act, askedMove, followPool, linkInto, lookProblem, pool, problem } from './pool.ts';
import { words } from './words.ts';

const QrCode = later(qrCode, part => part.QrCode);

/** `chosen`: a host, or a guest of one (HOST/GUEST), that somebody wants to see. */
export function PoolPage({ chosen }: { chosen: string | undefined }) {
  useEffect(() => followPool(), []);
  const look = pool.value;
  const isLooked = look !== undefined;
  useEffect(() => {
    const [hostName = '', guest] = chosen?.split('/') ?? [];
    const of = document.querySelector(`[data-host="${CSS.escape(hostName)}"]`);
    const row = guest === undefined ? undefined : of?.querySelector(`[data-guest="${CSS.escape(guest)}"]`);
    (row ?? of)?.scrollIntoView({ block: 'nearest' });
  }, [chosen, isLooked]);
  return (
    <div class="body pool">
      {lookProblem.value && <Problem>{lookProblem.value}</Problem>}
      {look === null && <Join />}
      {look && <Joined look={look} chosen={chosen} />}
      {askedMove.value && <MoveDialog asked={askedMove.value} />}
      {look === undefined && !lookProblem.value && <p class="sec">{strings.hostPage.pool} …</p>}
    </div>
  );
}

function Joined({ look, chosen }: { look: PoolLook; chosen: string | undefined }) {
  const { url, me, coordinator, hosts } = look;
  const invites = useSignal(false);
  const mine = hosts.find(({ isMe }) => isMe);
  const isLed = hosts.some(({ name, isThere }) => name === coordinator && isThere);
  return (
    <>
      <section>
        <div class="ph">
          <h3>{words.title(url)}</h3>
          <span class="sec">{isLed && words.iAm(me, coordinator)}</span>
          <span class="grow" />
          {mine?.role === 'member' && (
            <label class="row">
              <input
                type="checkbox"
                checked={mine.facts?.receives ?? true}
                onChange={event => void act(() => host.pool('receive', event.currentTarget.checked))}
              />
              {words.receives}
            </label>
          )}
          {look.code !== undefined && (
            <button
              class="btn sm"
              aria-expanded={invites.value}
              onClick={() => {
                invites.value = !invites.peek();
              }}
            >
              {words.invite}
            </button>
          )}
          <button class="btn sm" title="pool leave" onClick={() => void act(() => host.pool('leave'))}>
            {words.leave}
          </button>
        </div>
        {look.whyViewer !== undefined && (
          <p role="status">
            <Tag kind="approximated">
              <span>
                {words.viewer} {look.whyViewer}
              </span>
            </Tag>
          </p>
        )}
        {look.away !== undefined && (
          <p role="status">
            <Tag kind="approximated">
              <span>{words.away(look.away)}</span>
            </Tag>
          </p>
        )}
        {!isLed && look.away === undefined && (
          <p class="row wrap" role="status">
            <Tag kind="approximated">
              <span>{words.lostCoordinator(coordinator)}</span>
            </Tag>
            <button class="btn sm" title="pool emergency" onClick={() => void act(() => host.pool('emergency'))}>
              {words.emergency}
            </button>
          </p>
        )}
        {problem.value && <Problem>{problem.value}</Problem>}
        {invites.value && look.code !== undefined && <Invite look={look} />}
      </section>
      <Hosts look={look} chosen={chosen} />
      <div class="pcols">
        <Links look={look} />
        <Balance look={look} />
      </div>
      <Log look={look} />
    </>
  );
}

function Invite({ look }: { look: PoolLook }) {
  const copyOutcome = useSignal('');
  const link = linkInto(look);
  return (
    <div class="pinvite">
      <QrCode text={link} ofThisMachine={words.hubOfThisMachine} />
      <div class="col">
        <p>
          {words.inviteLink}: <a href={link}>{link}</a>
        </p>
        <p class="row wrap">
          <button
            class="btn sm"
            onClick={() =>
              void copyToClipboard(link).then(isDone => {
                copyOutcome.value = isDone ? words.copied : words.notCopied;
              })
            }
          >
            {words.copy}
          </button>
          <span class="cap-t" role="status">
            {copyOutcome.value}
          </span>
        </p>
        <p class="cap-t">
          {words.inviteHint}{' '}
          <code>
            npx ringside sh --join {look.url}#{look.code}
          </code>
        </p>
      </div>
    </div>
  );
}

function Links({ look }: { look: PoolLook }) {
  const linked = look.hosts.flatMap(({ name, link, facts }) => (link ? [{ name, ...link, facts }] : []));
  return (
    <section>
      <div class="ph">
        <h3>{words.links}</h3>
        <span class="cap-t">{words.linksOf(look.me)}</span>
      </div>
      {linked.length === 0 ? (
        <p class="sec">{words.nowhere}</p>
      ) : (
        <div class="wide" role="region" aria-label={words.links} tabIndex={0}>
          <table class="pad">
            <thead>
              <tr>
                <th>{words.host}</th>
                <th>{words.version}</th>
                <th class="num">{words.delay}</th>
                <th class="num">{words.sent}</th>
                <th class="num">{words.received}</th>
              </tr>
            </thead>
            <tbody>
              {linked.map(({ name, delayMs, sentBytes, receivedBytes, facts }) => (
                <tr key={name}>
                  <td>{name}</td>
                  <td class="sec">{facts?.version ?? strings.tree.noData}</td>
                  <td class="num m">{delayMs === undefined ? strings.tree.noData : delayMs.toFixed(1)}</td>
                  <td class="num m">{bytes(sentBytes)}</td>
                  <td class="num m">{bytes(receivedBytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Balance({ look }: { look: PoolLook }) {
  const { mode, automatic, mine, decisions, energy } = look.balance;
  const chosen = mine ?? { mode: 'performance' as const, automatic: false };
  const wish = (next: typeof chosen): void => void act(() => host.pool('balance', next.mode, next.automatic));
  return (
    <section>
      <div class="ph">
        <h3>{words.balancer}</h3>
        <span class="cap-t">{words.ofPool(words.modes[mode], automatic)}</span>
      </div>
      <div class="row wrap">
        <span class="seg" role="group" aria-label={words.mode}>
          {(['performance', 'density', 'off'] as const).map(each => (
            <button
              key={each}
              aria-pressed={(mine?.mode ?? mode) === each}
              title={`pool balance ${each}`}
              onClick={() => wish({ ...chosen, mode: each })}
            >
              {words.modes[each]}
            </button>
          ))}
        </span>
        <label class="row">
          <input
            type="checkbox"
            checked={chosen.automatic}
            onChange={event => wish({ ...chosen, automatic: event.currentTarget.checked })}
          />
          {words.automatic}
        </label>
      </div>
      <ul class="plist">
        {decisions.length + look.moves.length === 0 && <li class="sec">{words.nothing}</li>}
        {look.moves.map(({ guest, from, to }) => (
          <li key={`move ${guest}`}>{words.moving(guest, from, to)}</li>
        ))}
        {decisions.map(each => (
          <li key={each}>{each}</li>
        ))}
      </ul>
      <p class="cap-t">{energy}</p>
    </section>
  );
}

function Log({ look: { tasks } }: { look: PoolLook }) {
  return (
    <section>
      <div class="ph">
        <h3>{words.log}</h3>
        <span class="cap-t">{words.logHint}</span>
      </div>
      {tasks.length === 0 ? (
        <p class="sec">{words.noLog}</p>
      ) : (
        <div class="wide" role="region" aria-label={words.log} tabIndex={0}>
          <table class="pad">
            <thead>
              <tr>
                <th>{words.when}</th>
                <th>{words.host}</th>
                <th>{words.command}</th>
                <th>{words.outcome}</th>
              </tr>
            </thead>
            <tbody>
              {tasks.map(({ atMs, host: where, command, state, message }) => (
                <tr key={`${atMs} ${where} ${command}`}>
                  <td class="m nw">{startedAt(atMs)[0]}</td>
                  <td>{where}</td>
                  <td class="m">{command}</td>
                  <td class="pmessage">
                    <Tag kind={state}>{state}</Tag> {message}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
