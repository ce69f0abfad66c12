// Has the tests' precompiled header made: test_main.cpp, which goes without it, would leave nobody who needs it here.
