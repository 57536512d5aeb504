/** What can be sent to a guest's screen, and done with its picture. */
import type { Signal } from '@preact/signals';
import { clipboardText, copyToClipboard } from '../clipboard.ts';
import { reportProblem } from '../host.ts';
import { download } from '../navigation.ts';
import { typistOf } from '../screen/typist.ts';
import type { DomainSession } from '../sessions.ts';
import { strings } from '../strings.ts';
import { type Sendable, SendMenu } from './send-menu.tsx';

const words = {
  ...strings.screen,
  mark: 'Mark text',
  sendCombinations: [
    ['Ctrl + Alt + Del', 'ControlLeft AltLeft Delete'],
    ['Esc', 'Escape'],
    ['Alt + SysRq', 'AltLeft PrintScreen'],
    ['Alt + Tab', 'AltLeft Tab'],
    ['Ctrl + W', 'ControlLeft KeyW'],
    ['F11', 'F11'],
    ['Shift + Page Up', 'ShiftLeft PageUp'],
    ['Shift + Page Down', 'ShiftLeft PageDown'],
  ],
  cannotType: (characters: string) => `A US keyboard has no key for ${characters}; the rest was typed.`,
};

interface Props {
  session: DomainSession;
  /** Each drag over the screen marks text. */
  marking: Signal<boolean>;
}

export const ScreenActions = (props: Props) => <SendMenu items={actionsOf(props)} />;

function actionsOf({ session, marking }: Props): Sendable[] {
  const { painter } = session,
    typist = typistOf(session);
  return [
    ...(session.over
      ? []
      : [
          ...words.sendCombinations.map(([name, codes]) => ({
            name: name!,
            isKey: true,
            run: () => typist.press(...codes!.split(' ')),
          })),
          { name: words.sendClipboard, run: () => void sendClipboard(typist) },
        ]),
    ...(painter.mode === 'text'
      ? [
          {
            name: words.mark,
            run: () => {
              marking.value = true;
            },
          },
          {
            name: words.copy,
            run: () =>
              void copyToClipboard(
                `${Array.from({ length: painter.rows }, (_, row) => painter.text(row))
                  .join('\n')
                  .trimEnd()}\n`,
              ),
          },
        ]
      : []),
    { name: words.picture, run: () => savePicture(session) },
  ];
}

async function sendClipboard(typist: ReturnType<typeof typistOf>): Promise<void> {
  const text = await clipboardText();
  if (!text) return reportProblem(words.sendClipboard, words.clipboardEmpty);
  const missing = [...text.replace(/\r\n/g, '\n')].filter(character => !typist.type(character));
  if (missing.length > 0) reportProblem(words.sendClipboard, words.cannotType([...new Set(missing)].join(' ')));
}

function savePicture({ painter, info }: DomainSession): void {
  const page = document.createElement('canvas');
  page.width = painter.width;
  page.height = painter.height;
  page
    .getContext('2d')!
    .putImageData(
      new ImageData(new Uint8ClampedArray(painter.pixels.slice().buffer), painter.width, painter.height),
      0,
      0,
    );
  page.toBlob(blob => {
    if (blob) download(blob, `${info.value.name}-screen.png`);
  });
}
