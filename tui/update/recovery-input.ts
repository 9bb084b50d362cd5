/** What is typed, pasted and answered into the recovery screens. Pure. */
import { actionFor, placeOf } from '../keys.ts';
import { type ConsoleState, type Outcome, type Step, withToast } from '../state.ts';
import type { PromptDialog, RecoveryPurpose, RestoreDialog } from '../state-recovery.ts';
import { hearJournal } from './journal.ts';
import { hearPoints, hearPreview, typePointFilter } from './point-picker.ts';
import { hearFile } from './preview-tree.ts';
import { hearPrompt, typePrompt } from './prompt.ts';
import { hearRestore, typeName } from './restore.ts';

export function hearRecovery(state: ConsoleState, purpose: RecoveryPurpose, outcome: Outcome): Step {
  switch (purpose.kind) {
    case 'points':
      return hearPoints(state, purpose, outcome);
    case 'preview':
      return hearPreview(state, purpose, outcome);
    case 'preview-file':
      return hearFile(state, purpose, outcome);
    case 'journal':
      return hearJournal(state, purpose, outcome);
    case 'bookmark':
    case 'extract':
      return hearPrompt(state, purpose.kind, outcome);
    case 'restore':
      return hearRestore(state, purpose.scenarioId, outcome);
  }
}

/** Keys of open fields; undefined where the key is an action or there is no field. */
export function typeRecovery(
  state: ConsoleState,
  dialog: RestoreDialog | PromptDialog,
  name: string,
  text: string | undefined,
): ConsoleState | undefined {
  if (actionFor(placeOf(state), name) !== undefined) return undefined;
  if (dialog.kind === 'prompt') return typePrompt(state, dialog, name, text);
  if (dialog.editing !== undefined) return typePointFilter(state, dialog, name, text);
  return dialog.step === 'confirm' ? typeName(state, dialog, name, text) : undefined;
}

/** Into filters and prompts, never into the question before a restore. */
export function pasteRecovery(state: ConsoleState, dialog: RestoreDialog | PromptDialog, text: string): ConsoleState {
  if (dialog.kind === 'prompt') return typePrompt(state, dialog, 'paste', text) ?? state;
  if (dialog.editing !== undefined) return typePointFilter(state, dialog, 'paste', text) ?? state;
  return dialog.step === 'confirm' ? withToast(state, 'pasting is not accepted here: type the name') : state;
}
