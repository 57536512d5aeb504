/** A part whose script is loaded when it is first shown. */

import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Part } from '../../formats/loading/index.ts';
import { sentence } from '../sentence.ts';
import { strings } from '../strings.ts';
import { Tag } from './marks.tsx';

/**
 * The part that `pick` takes from a module. It is loaded at the first showing, or by `load`, and again where that failed and somebody comes back or asks
 * for it.
 */
export function later<Module, Props extends object>(
  part: Part<Module>,
  pick: (module: Module) => ComponentType<Props>,
): ComponentType<Props> & { load(): Promise<void> } {
  const loaded = signal<ComponentType<Props> | undefined>(undefined);
  const problem = signal<string | undefined>(undefined);
  const show = async (): Promise<void> => {
    try {
      loaded.value ??= pick(await part.load());
      problem.value = undefined;
    } catch (error) {
      problem.value = strings.errors.partFailed(sentence(error));
    }
  };
  const Shown = (props: Props) => {
    const Part = loaded.value;
    useEffect(() => void show(), []);
    if (Part) return <Part {...props} />;
    return problem.value ? (
      <p class="stop" role="alert">
        <Tag kind="failed">{problem.value}</Tag>{' '}
        <button class="btn sm" onClick={() => void show()}>
          {strings.errors.tryAgain}
        </button>
      </p>
    ) : null;
  };
  return Object.assign(Shown, { load: show });
}
