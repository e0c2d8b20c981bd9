// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class AddressPoolTest {
    @Test
    void theFirstHostIsTheGatewayAndTheNextAreVms() {
        AddressPool pool = AddressPool.parse("10.231.7.9/24");
        assertThat(pool.network()).hasToString("10.231.7.0/24");
        assertThat(pool.gateway().getHostAddress()).isEqualTo("10.231.7.1");
        assertThat(pool.capacity()).isEqualTo(253);
        assertThat(pool.next(0, Set.of())).hasValue(2);
        assertThat(pool.at(2).getHostAddress()).isEqualTo("10.231.7.2");
        assertThat(pool.numberOf(pool.at(200))).isEqualTo(200);
    }

    @Test
    void addressesAreGivenInTurnAndRestAsLongAsPossible() {
        AddressPool pool = AddressPool.parse("192.0.2.8/29");
        assertThat(pool.capacity()).isEqualTo(5);
        assertThat(pool.next(2, Set.of())).hasValue(3);
        assertThat(pool.next(6, Set.of())).hasValue(2);
        assertThat(pool.next(6, Set.of(2, 3))).hasValue(4);
        assertThat(pool.next(99, Set.of()).isPresent()).isTrue();
        assertThat(pool.next(-5, Set.of()).isPresent()).isTrue();
    }

    @Test
    void aFullNetworkHasNone() {
        AddressPool pool = AddressPool.parse("192.0.2.0/30");
        Set<Integer> taken = new HashSet<>();
        for (int i = 0; i < pool.capacity(); i++) {
            OptionalInt next = pool.next(0, taken);
            assertThat(taken.add(next.orElseThrow())).isTrue();
        }
        assertThat(pool.next(0, taken)).isEmpty();
    }

    @Test
    void networksThatAreNoneAreRefused() {
        for (String text :
                new String[] {"10.0.0.0/31", "10.0.0.0/7", "fd00::/64", "10.0.0.0", "localhost/24", "", "10.0.0.0/x"}) {
            assertThatThrownBy(() -> AddressPool.parse(text)).as(text).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
