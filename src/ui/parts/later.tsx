/** A part whose script is loaded when it is first shown. */

import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { sentence } from '../host.ts';
import { strings } from '../strings.ts';
import { Tag } from './marks.tsx';

/** `load` is called at the first showing, and again where that failed and somebody comes back. */
export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  const loaded = signal<ComponentType<Props> | undefined>(undefined);
  const problem = signal<string | undefined>(undefined);
  return (props: Props) => {
    const Part = loaded.value;
    useEffect(() => {
      if (!loaded.peek()) load().then(part => { loaded.value = part; problem.value = undefined; }, error => { problem.value = strings.errors.partFailed(sentence(error)); });
    }, []);
    if (Part) return <Part {...props} />;
    return problem.value ? <p class="stop" role="alert"><Tag kind="failed">{problem.value}</Tag></p> : null;
  };
}
