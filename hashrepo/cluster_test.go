package hashrepo_test

import (
	"testing"

	"github.com/symphony-go/symphony/internal/pooltest"
)

// TestOnACluster runs the tests of a single server on a cluster.
func TestOnACluster(t *testing.T) {
	pooltest.OnCluster(t,
		TestIncrementBounds,
		TestIncrementOfCorruptField,
		TestConcurrentUpdatesLoseNothing,
		TestAppendToList,
		TestFieldsByName,
		TestEqOfOmittedZero,
		TestMapOfAnyValues,
		TestGetMany,
		TestAllAndFind,
		TestGlobsAreEscaped,
		TestRoundTrip,
		TestMissingRecord,
		TestEmptyRecord,
		TestRecordOfUnknownFields,
		TestUnknownFieldsStay,
		TestExtra,
		TestMapRecords,
		TestLifetimes,
		TestRecordExpires,
		TestConditions,
		TestMutateSeesFreshData,
		TestMutate,
		TestMutateMapRecords,
		TestMutateEndsWithItsContext,
		TestPatchesMatchGoChanges,
		TestAddIsExact,
		TestAddOfFloats,
		TestOneBadPatchChangesNothing,
		TestPatchesAndConditions,
		TestAppendKeepsStoredBytes,
		TestMergeOfACorruptRecord,
		TestPatchesOfMapRecords,
		TestIncrementReturnsTheSum,
		TestTwoBuildsShareRecords,
		TestKeyOfAnotherType,
		TestCorruptField,
		TestVersions,
		TestEveryWriteIncrementsTheVersion,
		TestIfVersion,
		TestCorruptVersion,
		TestReservedFieldOfVersionedRecords,
	)
}
