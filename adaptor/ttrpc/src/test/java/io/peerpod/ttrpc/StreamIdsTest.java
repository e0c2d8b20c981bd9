// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class StreamIdsTest {
    @Test
    void evenIdsAreRefused() {
        StreamIds ids = new StreamIds();
        assertThat(ids.accept(0)).isFalse();
        assertThat(ids.accept(2)).isFalse();
        assertThat(ids.accept(-2)).isFalse();
    }

    @Test
    void everyOddIdIsAcceptedOnceInAnyOrder() {
        for (int seed = 0; seed < 20; seed++) {
            List<Integer> order = new ArrayList<>();
            for (int id = 1; id < StreamIds.WINDOW; id += 2) {
                order.add(id);
            }
            Collections.shuffle(order, new Random(seed));
            StreamIds ids = new StreamIds();
            assertThat(order).allMatch(ids::accept);
            assertThat(order).noneMatch(ids::accept);
        }
    }

    @Test
    void risingIdsWithSomeLateOnesAgreeWithAPlainSet() {
        Random random = new Random(3);
        StreamIds ids = new StreamIds();
        Set<Integer> used = new HashSet<>();
        int base = 1;
        for (int i = 0; i < 200_000; i++) {
            int id = base + 2 * random.nextInt(1000);
            assertThat(ids.accept(id)).isEqualTo(used.add(id));
            base += 2 * random.nextInt(3);
        }
    }

    @Test
    void idsBeyondTheWindowCountAsUsed() {
        StreamIds ids = new StreamIds();
        assertThat(ids.accept(-1)).isTrue();
        assertThat(ids.accept(-1)).isFalse();
        assertThat(ids.accept(1)).isFalse();
        assertThat(ids.accept(-3)).isTrue();
    }
}
