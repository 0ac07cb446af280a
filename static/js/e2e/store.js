// One account's rows in IndexedDB `medimic`, and transactions on them.

const NAME = "medimic";
const VERSION = 1;
export const STORES = {
  identities: { keyPath: "account" },
  // Handshakes that this browser began, as the joiner or as the device that asks for keys.
  joins: { keyPath: ["account", "commitment"] },
  // Handshakes that it answered, as the host or as the device that hands keys on.
  answers: { keyPath: ["account", "context", "subject"] },
  counters: { keyPath: ["account", "session", "participant"] },
  unsent: { keyPath: "order", autoIncrement: true },
};

export class Store {
  constructor(account, db) {
    this.account = account;
    this.db = db;
  }

  // All keys that begin with this account.
  mine() {
    return IDBKeyRange.bound([this.account], [this.account, []]);
  }

  // Run `work` with promising stores in one transaction; resolves when it is on the disk. `work` may
  // wait for its stores alone: a transaction ends where nothing is asked of it.
  async transact(names, mode, work) {
    const wanted = [names].flat();
    const transaction = this.db.transaction(wanted, mode, { durability: "strict" });
    const finished = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error ?? new Error("The transaction was given up."));
    });
    const stores = Object.fromEntries(wanted.map((name) => [name, promising(transaction.objectStore(name))]));
    let result;
    try {
      result = await work(stores);
    } catch (error) {
      finished.catch(() => {});
      try {
        transaction.abort();
      } catch {
        // It has ended by itself.
      }
      throw error;
    }
    await finished;
    return result;
  }
}

function promising(store) {
  const call = (name) => (...args) => {
    const request = store[name](...args);
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  };
  const names = ["get", "getAll", "put", "add", "delete"];
  return Object.fromEntries(names.map((name) => [name, call(name)]));
}

let opening = null;

export function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      for (const [name, options] of Object.entries(STORES)) request.result.createObjectStore(name, options);
    };
    request.onsuccess = () => {
      // Another tab has a newer version of this file: let it change the database.
      request.result.onversionchange = () => {
        request.result.close();
        opening = null;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  }).catch((error) => {
    opening = null;
    throw error;
  });
  return opening;
}
