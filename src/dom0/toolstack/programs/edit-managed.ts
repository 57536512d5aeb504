/** Kept definitions in the editor: each is judged before it is written. */
import { isError, judgeDefinition, prepareToRead } from '../../definitions/config/index.ts';
import type { Uses } from '../command-host.ts';
import { managedOf } from '../commands/managed.ts';
import type { ManagedDomain } from '../managed/index.ts';
import type { Owned } from '../terminal/index.ts';
import { edit, type Verdict } from './editor.ts';

/** What a definition's text means here. */
export async function judgeText(path: string, text: string): Promise<{ errors: Verdict[]; remarks: Verdict[] }> {
  await prepareToRead(text);
  const { findings } = judgeDefinition(path, text);
  return {
    errors: findings.filter(isError).map(({ line, text: sentence }) => ({ line, text: sentence })),
    remarks: findings
      .filter(({ verdict }) => verdict === 'ignored' || verdict === 'approximated')
      .map(({ line, verdict, text: sentence }) => ({ line, text: `${verdict}: ${sentence}` })),
  };
}

/** `virsh edit`: whether the definition was changed. @throws Error with a sentence */
export async function editManaged(
  host: Uses<'managed' | 'tasks'>,
  { name, path, text }: ManagedDomain,
  terminal: Owned,
): Promise<boolean> {
  const write = (changed: string): Promise<void> =>
    host.tasks.run(`virsh edit ${name}`, async task => {
      const domain = await managedOf(host).define(path, changed);
      task.message = `${domain.name} is kept as ${domain.path}; what runs goes on as it is.`;
    });
  return edit({ title: path, text, judge: changed => judgeText(path, changed), write }, terminal);
}
