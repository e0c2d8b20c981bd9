// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.relay.EventLoop;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StreamTableTest {
    @Test
    void itAgreesWithAMapWhateverIsPutAndRemoved() throws Exception {
        try (EventLoop loop = EventLoop.start("test")) {
            Client client = new Client(
                    new Switchboard(loop, GuestLimits.DEFAULT, RequestEditor.NONE, true, KeptSockets.NONE), "test");
            StreamTable table = new StreamTable();
            Map<Integer, Integer> model = new HashMap<>();
            List<Integer> open = new ArrayList<>();
            Random random = new Random(3);
            int next = 1;
            for (int i = 0; i < 100_000; i++) {
                if (open.isEmpty() || (random.nextInt(100) < 50 && open.size() < 3000)) {
                    table.put(next, client, i, i % 7 == 0);
                    model.put(next, i);
                    open.add(next);
                    next += random.nextInt(20) == 0 ? 4096 : 2;
                } else {
                    int at = random.nextInt(open.size());
                    int id = open.set(at, open.getLast());
                    open.removeLast();
                    int slot = table.find(id);
                    assertThat(table.clientId(slot)).isEqualTo(model.remove(id));
                    table.remove(slot);
                    assertThat(table.find(id)).isNegative();
                }
            }
            for (int id : open) {
                assertThat(table.clientId(table.find(id))).isEqualTo(model.get(id));
            }
            List<Integer> destroys = new ArrayList<>();
            table.clear((_, id) -> destroys.add(id));
            assertThat(destroys).allMatch(id -> id % 7 == 0).hasSize((int)
                    model.values().stream().filter(id -> id % 7 == 0).count());
            assertThat(table.find(open.getFirst())).isNegative();
        }
    }
}
