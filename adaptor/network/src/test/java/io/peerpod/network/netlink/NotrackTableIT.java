// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.network.NetworkNamespace;
import io.peerpod.network.Privileges;
import io.peerpod.network.libc.ErrnoException;
import java.io.IOException;
import java.net.InetAddress;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NotrackTableIT {
    @BeforeEach
    void needRights() {
        Privileges.assumeNetworkAdministrator();
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.0.2.7", "2001:db8::7"})
    void addressesComeAndGoAndComeTwiceWithoutHarm(String literal) throws IOException {
        InetAddress address = InetAddress.ofLiteral(literal);
        try (NetworkNamespace namespace = NetworkNamespace.createUnnamed();
                NotrackTable table = namespace.compute(NotrackTable::open)) {
            table.delete(address, 4789);
            assertThat(table.contains(address, 4789)).isFalse();
            try {
                table.put(address, 4789);
            } catch (ErrnoException e) {
                System.out.println("skipped: this kernel has no nf_tables with notrack: " + e.getMessage());
                Assumptions.abort("no nf_tables with notrack");
            }
            table.put(address, 4789);
            table.put(address, 8472);
            assertThat(table.contains(address, 4789)).isTrue();
            assertThat(table.contains(address, 4790)).isFalse();
            table.delete(address, 4789);
            table.delete(address, 4789);
            assertThat(table.contains(address, 4789)).isFalse();
            assertThat(table.contains(address, 8472)).isTrue();
        }
    }

    @Test
    void aTableOfAnotherNamespaceIsNotSeen() throws IOException {
        InetAddress address = InetAddress.ofLiteral("192.0.2.7");
        try (NetworkNamespace namespace = NetworkNamespace.createUnnamed();
                NotrackTable table = namespace.compute(NotrackTable::open)) {
            assertThat(table.contains(address, 4789)).isFalse();
        }
    }
}
