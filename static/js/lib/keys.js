// When a key is a command of ours, and when it belongs to the browser or to what is typed.

/** Whether keys pressed here are text. */
export const isTyping = (target) => Boolean(target?.closest?.("input, textarea, select, [contenteditable]"));

/** Whether no Ctrl, Alt or Meta key is held: those are the browser's. Shift is part of ? and +. */
export const only = (event) => !event.ctrlKey && !event.metaKey && !event.altKey;
