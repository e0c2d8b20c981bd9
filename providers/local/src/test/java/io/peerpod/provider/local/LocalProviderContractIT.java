// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.provider.ProviderContract;

/** The contract of every provider, on the local cloud. */
final class LocalProviderContractIT extends ProviderContract {
    @Override
    protected Cloud openCloud() throws Exception {
        return LocalTestCloud.open("10.231.0.0/24");
    }
}
