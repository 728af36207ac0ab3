// What the room of the recorded card offers.

export { RecordedPort, type RecordedPortOptions } from './recorded-port.ts'
