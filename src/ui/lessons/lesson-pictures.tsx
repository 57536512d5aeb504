/** The live pictures of a lesson: inspectors of the page, next to the consoles or below them. */
import { useMemo } from 'preact/hooks';
import '../inspect/inspect.css';
import { hypervisorOfHost } from '../hypervisors/of-host.ts';
import { INSPECTORS, nameOf } from '../inspect/inspectors.ts';
import { useMachine } from '../inspect/machine.ts';
import type { DomainSession } from '../sessions.ts';
import type { Lesson, PictureName } from '../../lessons/index.ts';
import { Levels } from './levels.tsx';
import { Notes } from './notes.tsx';
import { Rounds } from './rounds.tsx';
import { begun } from './taking.ts';
import { words } from './words.ts';

/** Those that are no inspectors. */
const OWN: Readonly<Record<string, typeof Levels>> = { levels: Levels, notes: Notes, rounds: Rounds };

/** Those that count begin again with each step that is begun. */
const COUNTING: ReadonlySet<string> = new Set(['exits']);

/** `sessions`: of its guests, as far as they are there. */
export function Pictures({ lesson, sessions }: { lesson: Lesson; sessions: readonly DomainSession[] }) {
  const machine = useMachine();
  return (
    <>
      {lesson.pictures.map(picture => {
        const session = sessions.find(({ info }) => info.value.name === picture.guest);
        const Own = OWN[picture.inspector];
        if (Own)
          return (
            session && (
              <section key={session.id} class="panel lpic" aria-label={words.pictures[picture.inspector]} tabIndex={0}>
                <h3>{words.pictures[picture.inspector]}</h3>
                <Own session={session} />
              </section>
            )
          );
        if (!machine.value || (picture.guest !== undefined && !session)) return null;
        return (
          <Picture
            key={`${picture.inspector} ${session?.id ?? ''} ${COUNTING.has(picture.inspector) ? begun.value : ''}`}
            picture={picture}
            session={session}
            machine={machine.value.view}
          />
        );
      })}
    </>
  );
}

function Picture({
  picture: { inspector, guest },
  session,
  machine,
}: {
  picture: PictureName;
  session: DomainSession | undefined;
  machine: NonNullable<ReturnType<typeof useMachine>['value']>['view'];
}) {
  const { name, View } = INSPECTORS.find(({ id }) => id === inspector)!,
    title = words.picture(nameOf({ name }, hypervisorOfHost()), guest),
    target = useMemo(
      () => ({ isOfStep: true, ...(session ? { session } : {}), ...(machine ? { machine } : {}) }),
      [session, machine],
    );
  return (
    <section class="panel lpic inspect" aria-label={title}>
      <View target={target} name={title} tabs={<h3>{title}</h3>} />
    </section>
  );
}
