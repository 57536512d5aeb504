/**
 * A guest whose disks lie on its host moves, while who gives leases comes and goes, messages are late or lost, and the target may end: one copy runs at most, none of
 * before, and in the end one does.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Coordinator } from './coordinator.ts';
import { type Effect, Holder } from './holder.ts';
import { type HandShake, LEASE_TIMING, type LeaseAnswer, type LeaseRequest } from './messages.ts';

const GUEST = 'g';
type Message = { to: 'a' | 'b' | 'coordinator'; life: number } & (
  | { from: string; request: LeaseRequest }
  | { answer: LeaseAnswer }
  | { shake: HandShake }
  | { copyOf: number }
);

/** A has the guest, b is to have it. */
class Move {
  nowMs = 0;
  isUp = true;
  readonly coordinator = new Coordinator(LEASE_TIMING);
  a = new Holder('a', LEASE_TIMING);
  b = new Holder('b', LEASE_TIMING);
  life = 1;
  messages: Message[] = [];
  runs = { a: false, b: false };
  /** B has its lease, and could start it. */
  mayStart = false;
  hasRunThere = false;
  hasEnded = false;

  constructor() {
    this.does('a', this.a.acquire(GUEST, 0, true));
    this.flow();
    this.runs.a = true;
    this.does('a', this.a.send(GUEST, 'b', true, true));
    this.messages.push({ to: 'b', life: 1, copyOf: 1 });
  }

  private does(who: 'a' | 'b', effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.do === 'ask')
        this.messages.push({ to: 'coordinator', life: this.life, from: who, request: effect.request });
      else if (effect.do === 'shake')
        this.messages.push({ to: effect.to as 'a' | 'b', life: this.life, shake: effect.message });
      else if (effect.do !== 'run') {
        this.runs[who] = false;
        if (who === 'b') this.mayStart = false;
      } else if (who === 'b') this.mayStart = !this.runs.b;
      else {
        if (this.hasRunThere) throw new Error('a runs a copy of before');
        this.runs.a = true;
      }
    }
    if (this.runs.a && this.runs.b) throw new Error('both run it');
  }

  deliver(index: number): void {
    const [message] = this.messages.splice(index, 1);
    if (!message) return;
    const { to } = message;
    if (to === 'coordinator') {
      if (!this.isUp || !('request' in message)) return;
      for (const { to: told, answer } of this.coordinator.receive(message.from, message.request, this.nowMs))
        this.messages.push({ to: told as 'a' | 'b', life: this.life, answer });
      return;
    }
    // A connection ends with its process, and what another one says of the copy is not heard.
    if (
      message.life !== this.life ||
      (to === 'a' && 'shake' in message && message.shake.what === 'voided' && this.life > 1)
    )
      return;
    const holder = this[to];
    if ('answer' in message) this.does(to, holder.answered(message.answer, this.nowMs));
    else if ('shake' in message) this.does(to, holder.heard(to === 'a' ? 'b' : 'a', message.shake, this.nowMs));
    else if ('copyOf' in message) this.does('b', holder.received(GUEST, 'a', message.copyOf, this.nowMs, true));
  }

  flow(): void {
    while (this.messages.length > 0) this.deliver(0);
  }

  tick(ms: number): void {
    this.nowMs += ms;
    this.does('a', this.a.tick(this.nowMs));
    this.does('b', this.b.tick(this.nowMs));
  }

  start(): void {
    if (!this.mayStart) return;
    this.mayStart = false;
    this.runs.b = true;
    this.hasRunThere = true;
    this.does('b', this.b.started(GUEST));
  }

  decline(): void {
    if (!this.mayStart) return;
    this.mayStart = false;
    this.does('b', this.b.decline(GUEST, this.nowMs));
  }

  ends(): void {
    if (!this.runs.b) return;
    this.runs.b = false;
    this.hasEnded = true;
    this.does('b', this.b.release(GUEST, this.nowMs));
  }

  crash(): void {
    this.b = new Holder('b', LEASE_TIMING, { guests: [], sentMs: [], nextNumber: 100_000 * ++this.life });
    this.runs.b = false;
    this.mayStart = false;
  }

  cancel(): void {
    this.does('a', this.a.cancel(GUEST, this.nowMs));
  }
}

const index = fc.nat(5);
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ what: fc.constant('deliver' as const), at: index }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('lose' as const), at: index }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('tick' as const), at: index }) },
  ...(['upOrDown', 'cancel', 'cancel', 'start', 'start', 'decline', 'ends'] as const).map(what => ({
    weight: 1,
    arbitrary: fc.record({ what: fc.constant(what), at: index }),
  })),
);

function take(move: Move, { what, at }: { what: string; at: number }): void {
  if (what === 'deliver') move.deliver(at);
  else if (what === 'lose') move.messages.splice(at, 1);
  else if (what === 'tick') move.tick(500 * (at + 1));
  else if (what === 'upOrDown') move.isUp = !move.isUp;
  else if (what === 'crash') move.crash();
  else move[what as 'cancel' | 'start' | 'decline' | 'ends']();
}

/** Nothing fails any more. */
function settle(move: Move): void {
  for (let round = 0; round < 30; round++) {
    move.tick(2000);
    if (round === 5) move.cancel();
    move.flow();
    move.start();
    move.flow();
  }
}

it('has one copy run at most, and one in the end, though nobody may give leases', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, isUpAgain) => {
      const move = new Move();
      for (const each of steps) take(move, each);
      move.isUp = isUpAgain;
      settle(move);
      if (move.hasEnded) return;
      // Where a word of the hand-over was lost with who gives leases, it waits for that.
      expect([move.runs.a, move.runs.b].filter(Boolean)).toHaveLength(1);
    }),
    { seed: 1, numRuns: 400 },
  );
});

it('has one copy run at most, and none of before, though the target ends at any moment', () => {
  const crashing = fc.tuple(fc.array(step, { maxLength: 40 }), fc.array(step, { maxLength: 40 }), fc.boolean());
  fc.assert(
    fc.property(crashing, ([before, behind, isUpAgain]) => {
      const move = new Move();
      for (const each of before) take(move, each);
      move.crash();
      for (const each of behind) take(move, each);
      move.isUp = isUpAgain;
      settle(move);
    }),
    { seed: 1, numRuns: 400 },
  );
});
