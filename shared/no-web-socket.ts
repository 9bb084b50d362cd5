/**
 * Takes the global `WebSocket` away; before socket.io-client is loaded. That library looks for one which under Node it does not
 * use, and the mere look makes Node load an HTTP stack of its own: 50 ms and 14 MB for every command and every engine.
 */
export function removeWebSocket(): void {
  // Without looking whether it is there: that would be such a look.
  Reflect.deleteProperty(globalThis, 'WebSocket');
}
