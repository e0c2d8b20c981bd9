// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

class LogLevelTest {
    @Test
    void loggersInUseAndThoseToComeFollowTheLevel() {
        Logger inUse = LoggerFactory.getLogger("a logger in use");
        boolean before = inUse.isDebugEnabled();
        try {
            assertThat(LogLevel.change("debug")).isTrue();
            assertThat(inUse.isDebugEnabled()).isTrue();
            assertThat(LoggerFactory.getLogger("a logger to come").isDebugEnabled())
                    .isTrue();
            assertThat(LogLevel.change("error")).isTrue();
            assertThat(inUse.isWarnEnabled()).isFalse();
        } finally {
            LogLevel.change(before ? "debug" : "info");
        }
    }
}
