// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.Owner;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class VmRecordTest {
    private static final VmRecord RECORD = new VmRecord(
            new LaunchToken("a".repeat(64), "podvm-web-1"),
            "podvm-web-1.0a1b2c3d",
            new Owner("blue=cluster", "node\\1"),
            Map.of("pod-name", "J\u00f6rg\n=\\ \ud83d\ude80", "odd=key", ""),
            Instant.parse("2026-01-02T03:04:05Z"),
            AddressPool.parse("10.231.0.0/16").at(7),
            "ppv0123456789a",
            VmRecord.Phase.RUNNING,
            new ProcessIdentity(1, 2),
            Optional.of(new ProcessIdentity(3, 4)),
            Optional.of(new ProcessIdentity(5, 6)));

    @Test
    void whatWasWrittenIsRead() {
        assertThat(VmRecord.parse(RECORD.write())).isEqualTo(RECORD);
        VmRecord early = new VmRecord(
                RECORD.token(),
                RECORD.id(),
                RECORD.owner(),
                Map.of(),
                RECORD.createdAt(),
                RECORD.address(),
                RECORD.link(),
                VmRecord.Phase.CREATING,
                RECORD.creator(),
                Optional.empty(),
                Optional.empty());
        assertThat(VmRecord.parse(early.write())).isEqualTo(early);
    }

    @Test
    void everyTornRecordIsRefused() {
        String whole = RECORD.write();
        for (int length = 0; length < whole.length(); length++) {
            String torn = whole.substring(0, length);
            assertThatThrownBy(() -> VmRecord.parse(torn)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void wrongValuesAreRefused() {
        for (String[] change : new String[][] {
            {"phase=RUNNING", "phase=SLEEPING"},
            {"address=10.231.0.7", "address=fd00::1"},
            {"address=10.231.0.7", "address=example.org"},
            {"created=2026", "created=yesterday"},
            {"init=5@6", "init=five"},
            {"init=5@6", "init=99999999999@6"},
            {"name=podvm-web-1", "name=../../etc"},
            {"link=", "nolink="},
            {"tag.pod-name=J", "tag.pod-name=\\00"},
            {"creator=", "creator"}
        }) {
            String changed = RECORD.write().replace(change[0], change[1]);
            assertThat(changed).isNotEqualTo(RECORD.write());
            assertThatThrownBy(() -> VmRecord.parse(changed))
                    .as(change[1])
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
