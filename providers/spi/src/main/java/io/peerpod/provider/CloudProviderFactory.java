// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider;

import io.peerpod.options.Options;
import io.peerpod.options.Settings;

/** How a provider is found ({@link java.util.ServiceLoader}) and made. Implementations have a public no-argument constructor. */
public interface CloudProviderFactory {

    /** The name on the command line, such as {@code local}. */
    String name();

    /** Adds the provider's own rows to the daemon's option table. */
    void declare(Options options);

    /**
     * Makes the provider from resolved settings, without a call to the cloud.
     *
     * @throws IllegalArgumentException naming the option, the value seen and what is accepted
     */
    CloudProvider create(Settings settings);
}
