// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import io.peerpod.relay.Envelope;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What to do with requests of a method, remembered by the bytes of its names so that a call needs no string. */
final class MethodTable {
    /** The agent has about fifty methods; further ones, made up by a client, are looked at each time. */
    private static final int MAX_METHODS = 256;

    /** A method as the relay sees it. */
    record Method(String service, String name, boolean edited, boolean destroysSandbox) {}

    /** Bytes that were looked up before; compared without a copy. */
    private static final class Entry {
        private final byte[] names;
        private final Method method;
        private final @Nullable Entry next;

        Entry(byte[] names, Method method, @Nullable Entry next) {
            this.names = names;
            this.method = method;
            this.next = next;
        }
    }

    private final RequestEditor editor;
    private final Map<Integer, Entry> entries = new HashMap<>();
    private int size;
    private @Nullable Entry last;

    MethodTable(RequestEditor editor) {
        this.editor = editor;
    }

    /** The method of a request that was scanned. */
    Method of(ByteBuffer data, Envelope request) {
        Entry recent = last;
        if (recent != null && matches(recent.names, data, request)) {
            return recent.method;
        }
        int hash = hash(data, request);
        for (Entry entry = entries.get(hash); entry != null; entry = entry.next) {
            if (matches(entry.names, data, request)) {
                last = entry;
                return entry.method;
            }
        }
        return add(data, request, hash);
    }

    private Method add(ByteBuffer data, Envelope request, int hash) {
        String service = request.service(data);
        String name = request.method(data);
        Method method = new Method(
                service,
                name,
                editor.edits(service, name),
                service.equals("grpc.AgentService") && name.equals("DestroySandbox"));
        if (size < MAX_METHODS) {
            byte[] names = new byte[request.serviceLength() + 1 + request.methodLength()];
            data.get(request.serviceStart(), names, 0, request.serviceLength());
            data.get(request.methodStart(), names, request.serviceLength() + 1, request.methodLength());
            entries.put(hash, new Entry(names, method, entries.get(hash)));
            size++;
        }
        return method;
    }

    private static boolean matches(byte[] names, ByteBuffer data, Envelope request) {
        int split = request.serviceLength();
        if (names.length != split + 1 + request.methodLength() || names[split] != 0) {
            return false;
        }
        for (int i = request.methodLength() - 1, at = request.methodStart(); i >= 0; i--) {
            if (data.get(at + i) != names[split + 1 + i]) {
                return false;
            }
        }
        for (int i = 0, at = request.serviceStart(); i < split; i++) {
            if (data.get(at + i) != names[i]) {
                return false;
            }
        }
        return true;
    }

    private static int hash(ByteBuffer data, Envelope request) {
        int hash = request.serviceLength();
        for (int i = 0, at = request.methodStart(); i < request.methodLength(); i++) {
            hash = 31 * hash + data.get(at + i);
        }
        return hash;
    }
}
