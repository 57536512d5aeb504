/** gdb at a domain, over a channel of bytes. */
import { LOOPBACK, type ByteChannel, type Listening, type Sockets } from '../../host/nbd/index.ts';
import type { AnyMember } from './debuggee.ts';
import { GdbStub } from './stub.ts';

export { GdbStub } from './stub.ts';

type Host = ConstructorParameters<typeof GdbStub>[0];

/** A debugger at the other end of a channel, until it leaves or the domain is gone. */
export function serveGdb(toolstack: Host, member: AnyMember, channel: ByteChannel, over: () => void = () => {}): void {
  const stub = new GdbStub(toolstack, member, { send: bytes => channel.send(bytes), close: () => channel.close() });
  channel.listen(
    bytes => stub.receive(bytes),
    () => {
      stub.end();
      over();
    },
  );
  void stub.begin();
}

/**
 * Listens for a debugger of a domain, one at a time, until the domain is gone; `port` 0: any. `find`: the domain as it is now, since one that reboots is another.
 * @throws Error with a sentence: the port is taken
 */
export async function listenForGdb(
  toolstack: Host,
  find: () => AnyMember | undefined,
  sockets: Sockets,
  port: number,
): Promise<Listening> {
  let isTaken = false;
  return sockets.listen({ host: LOOPBACK, port }, channel => {
    const member = find();
    if (isTaken || !member) return channel.close();
    isTaken = true;
    serveGdb(toolstack, member, channel, () => {
      isTaken = false;
    });
  });
}
