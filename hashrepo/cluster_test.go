package hashrepo_test

import (
	"testing"

	"github.com/symphony-go/symphony/internal/pooltest"
)

// What holds on one server holds on a cluster.
func TestOnACluster(t *testing.T) {
	pooltest.OnCluster(t,
		TestIncrementBounds,
		TestIncrementOfCorruptField,
		TestConcurrentChangesAllCount,
		TestAppendToList,
		TestFieldsByName,
		TestEqOfOmittedZero,
		TestOpenValues,
		TestGetMany,
		TestAllAndFind,
		TestGlobsAreEscaped,
		TestRoundTrip,
		TestMissingIsAnError,
		TestNothingPresent,
		TestOnlyUnknownFields,
		TestUnknownFields,
		TestExtra,
		TestMaps,
		TestLifetimes,
		TestRecordsEnd,
		TestConditions,
		TestMutateSeesFreshData,
		TestMutate,
		TestMutateOfMaps,
		TestMutateEndsWithItsContext,
		TestPatchesAreWhatTheySay,
		TestAddIsExact,
		TestAddOfFloats,
		TestOneBadPatchChangesNothing,
		TestPatchesAndConditions,
		TestAppendRewritesNothing,
		TestMergeOfACorruptRecord,
		TestPatchesOfMaps,
		TestIncrementGivesTheSum,
		TestTwoBuildsShareRecords,
		TestKeyOfAnotherType,
		TestCorruptField,
		TestVersions,
		TestEveryWriteCounts,
		TestIfVersion,
		TestCorruptVersion,
		TestReservedFieldOfVersionedRecords,
	)
}
