// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.health;

import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.Owner;
import io.peerpod.provider.PodVm;
import io.peerpod.provider.PodVmSpec;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** A cloud whose calls are counted and timed; providers know nothing of it. */
public final class MeteredCloud implements CloudProvider {
    private final CloudProvider cloud;
    private final Metrics metrics;

    public MeteredCloud(CloudProvider cloud, Metrics metrics) {
        this.cloud = cloud;
        this.metrics = metrics;
    }

    @FunctionalInterface
    private interface Call<T> {
        T run() throws CloudException, InterruptedException;
    }

    private <T> T measured(String operation, Call<T> call) throws CloudException, InterruptedException {
        long start = System.nanoTime();
        String outcome = "defect";
        try {
            T result = call.run();
            outcome = "ok";
            return result;
        } catch (CloudException e) {
            outcome = word(e.failure());
            throw e;
        } catch (InterruptedException e) {
            outcome = "interrupted";
            throw e;
        } finally {
            metrics.cloudCalls.increment(operation, outcome);
            metrics.cloudSeconds.observe(System.nanoTime() - start, operation);
        }
    }

    private static String word(CloudFailure failure) {
        return switch (failure) {
            case CloudFailure.Throttled _ -> "throttled";
            case CloudFailure.OutOfCapacity _ -> "out-of-capacity";
            case CloudFailure.Rejected _ -> "rejected";
            case CloudFailure.Unauthorised _ -> "unauthorised";
            case CloudFailure.Unreachable _ -> "unreachable";
            case CloudFailure.OutcomeUnknown _ -> "outcome-unknown";
        };
    }

    @Override
    public String name() {
        return cloud.name();
    }

    @Override
    public PodVm create(LaunchToken token, PodVmSpec spec) throws CloudException, InterruptedException {
        return measured("create", () -> cloud.create(token, spec));
    }

    @Override
    public Optional<PodVm> find(LaunchToken token) throws CloudException, InterruptedException {
        return measured("find", () -> cloud.find(token));
    }

    @Override
    public List<PodVm> list(Owner owner) throws CloudException, InterruptedException {
        return measured("list", () -> cloud.list(owner));
    }

    @Override
    public Deletion delete(LaunchToken token) throws CloudException, InterruptedException {
        return measured("delete", () -> cloud.delete(token));
    }

    @Override
    public Duration landingWindow() {
        return cloud.landingWindow();
    }

    @Override
    public Duration longestCall() {
        return cloud.longestCall();
    }

    @Override
    public void close() {
        cloud.close();
    }
}
