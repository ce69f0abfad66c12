// Stands for the tests that share the precompiled header of this library.
