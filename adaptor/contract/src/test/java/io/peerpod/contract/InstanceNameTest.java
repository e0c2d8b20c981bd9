// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class InstanceNameTest {
    private static final String ID = "8C1f00aa77d2e5b4";

    @Test
    void podAndStartOfTheIdMakeTheName() {
        assertThat(InstanceName.of("web", ID, InstanceName.MAX_CHARACTERS)).isEqualTo("podvm-web-8c1f00aa");
        assertThat(InstanceName.of("Web.v1_x", ID, InstanceName.MAX_CHARACTERS)).isEqualTo("podvm-web-v1-x-8c1f00aa");
        assertThat(InstanceName.of("\u00e9", "abc", InstanceName.MAX_CHARACTERS))
                .isEqualTo("podvm---abc");
    }

    @Test
    void aLongPodNameIsCutToTheLimit() {
        String pod = "a".repeat(253);
        assertThat(InstanceName.of(pod, ID, InstanceName.MAX_CHARACTERS))
                .hasSize(63)
                .isEqualTo("podvm-" + "a".repeat(48) + "-8c1f00aa");
        assertThat(InstanceName.of(pod, ID, InstanceName.MAX_CHARACTERS_POWERVS))
                .hasSize(47)
                .isEqualTo("podvm-" + "a".repeat(32) + "-8c1f00aa");
        assertThat(InstanceName.of("a".repeat(47) + ".b", ID, 63)).isEqualTo("podvm-" + "a".repeat(47) + "--8c1f00aa");
    }

    @Test
    void noNameEndsWithAHyphen() {
        assertThat(InstanceName.of("web", "sandbox-1", 63)).isEqualTo("podvm-web-sandbox");
        assertThat(InstanceName.of("web", "________", 63)).isEqualTo("podvm-web");
    }

    @Test
    void emptyPartsAndLimitsWithoutRoomAreRefused() {
        assertThatThrownBy(() -> InstanceName.of("", ID, 63)).hasMessageContaining("empty");
        assertThatThrownBy(() -> InstanceName.of("web", "", 63)).hasMessageContaining("empty");
        assertThatThrownBy(() -> InstanceName.of("web", ID, 15)).hasMessageContaining("more than 15");
    }
}
